/** Who may send which request: tokens, and the names by which clients may call this server. */
package org.tsnext.http.access;
