/** The route table: method and path template to handler. Built once, shared by all connections. */
package org.tsnext.http.routing;
