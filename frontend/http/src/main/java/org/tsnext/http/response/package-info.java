/** Writing responses: heads, JSON, errors. */
package org.tsnext.http.response;
