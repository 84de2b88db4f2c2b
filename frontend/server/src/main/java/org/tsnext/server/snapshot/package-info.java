/** What a snapshot says: the registered models, as records and as JSON. */
package org.tsnext.server.snapshot;
