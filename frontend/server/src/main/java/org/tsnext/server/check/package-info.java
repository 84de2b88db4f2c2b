/**
 * What {@code torchserve --check} finds: one class for each kind of input, which looks and never
 * changes anything, and two ways to show the findings.
 */
package org.tsnext.server.check;
