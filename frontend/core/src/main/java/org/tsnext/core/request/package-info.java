/** What goes in and what comes out, whatever the transport. */
package org.tsnext.core.request;
