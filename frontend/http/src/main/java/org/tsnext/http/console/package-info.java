/** The web pages of a server, and what only they ask: the console and the page of the API. */
package org.tsnext.http.console;
