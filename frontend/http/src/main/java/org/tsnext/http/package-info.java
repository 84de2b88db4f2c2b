/**
 * The HTTP transport: parse, call the core, render. {@link org.tsnext.http.HttpServer} is its
 * front; {@link org.tsnext.http.settings.HttpSettings} is all it wants to know.
 */
package org.tsnext.http;
