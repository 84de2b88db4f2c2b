/** The saved state of the registered models: what it says, where it lies, and who writes it. */
package org.tsnext.server.snapshot;
