/** Time as it is injected: production code asks nobody else for it. */
package org.tsnext.core.time;
