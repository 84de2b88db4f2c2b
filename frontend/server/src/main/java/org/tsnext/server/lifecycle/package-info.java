/** What a start opens and its end closes in reverse, and the error of a start that fails. */
package org.tsnext.server.lifecycle;
