/** Time as it is injected: production code reads it nowhere else. */
package org.tsnext.core.time;
