/**
 * Model sources: where a model's files come from, how they are unpacked, and what they say of the
 * model.
 */
package org.tsnext.archive;
