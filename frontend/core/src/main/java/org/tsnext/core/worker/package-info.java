/** The seam between the core and worker processes, and the supervision of them. */
package org.tsnext.core.worker;
