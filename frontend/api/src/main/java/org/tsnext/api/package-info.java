/**
 * What every transport says in the same words: the parameters of management calls with their checks
 * and defaults, the JSON of descriptions, and the sentences that clients compare.
 */
package org.tsnext.api;
