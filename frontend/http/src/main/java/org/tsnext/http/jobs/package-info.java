/** Jobs over HTTP: requests that prefer not to wait (RFC 7240), and what became of them. */
package org.tsnext.http.jobs;
