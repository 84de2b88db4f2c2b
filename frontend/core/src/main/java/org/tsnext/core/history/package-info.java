/** What became of the models in the last minutes, for people who look: figures and lines. */
package org.tsnext.core.history;
