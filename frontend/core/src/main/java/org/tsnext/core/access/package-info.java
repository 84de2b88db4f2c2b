/** Who may ask what: keys that clients present, whatever the transport. */
package org.tsnext.core.access;
