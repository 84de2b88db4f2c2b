/** The routes of the inference listener. */
package org.tsnext.http.inference;
