/** Tensors of the Open Inference Protocol: their checks, and their raw form to and from JSON. */
package org.tsnext.api.tensor;
