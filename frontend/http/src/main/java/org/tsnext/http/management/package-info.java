/** The routes of the management listener. */
package org.tsnext.http.management;
