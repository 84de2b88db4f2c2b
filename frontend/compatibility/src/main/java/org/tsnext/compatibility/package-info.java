/** The table of what TorchServe Next does otherwise than TorchServe 0.12. */
package org.tsnext.compatibility;
