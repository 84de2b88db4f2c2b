/** Main, typed settings, the composition root and the shutdown. */
package org.tsnext.server;
