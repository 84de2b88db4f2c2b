/**
 * Jobs: requests whose client does not wait. They go through the doors of the core like any other;
 * their responses are kept until they are fetched, deleted or expired.
 */
package org.tsnext.jobs;
