/** The tokens that clients need: made or given, published in a file, replaced. */
package org.tsnext.server.tokens;
