/** Reading requests: target, query, forms, multipart. Pure functions on strings and buffers. */
package org.tsnext.http.request;
