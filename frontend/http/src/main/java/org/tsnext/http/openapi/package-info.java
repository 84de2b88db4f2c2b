/** API descriptions, generated from the route table. */
package org.tsnext.http.openapi;
