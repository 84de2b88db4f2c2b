/** The binary tensor data extension of the Open Inference Protocol over HTTP, to and from JSON. */
package org.tsnext.http.tensor;
