/** How the server logs: the defaults are in {@code log4j2.xml} beside this package's jar. */
package org.tsnext.server.logging;
