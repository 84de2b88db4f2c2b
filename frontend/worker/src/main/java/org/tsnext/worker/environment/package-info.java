/** What Python processes find: environment variables, and the packages that a model requires. */
package org.tsnext.worker.environment;
