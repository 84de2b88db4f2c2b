/** Who may ask what: tokens that clients present, whatever the transport. */
package org.tsnext.core.access;
