/**
 * TLS for every kind of listener: where the key comes from, and how it is exchanged for another.
 */
package org.tsnext.transport.tls;
