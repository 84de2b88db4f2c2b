/** The HTTP transport: parse, call the core, render. */
package org.tsnext.http;
