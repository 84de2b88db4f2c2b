/** Fakes at the core's own seams, for the tests of this module and of those above it. */
package org.tsnext.core.testing;
