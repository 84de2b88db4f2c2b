/** The one primitive for work that is decided in one place and carried out in another. */
package org.tsnext.core.concurrent;
