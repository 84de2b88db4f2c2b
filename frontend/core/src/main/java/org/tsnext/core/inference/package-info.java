/** The door for inference, the queue, the batcher and the dispatch to workers. */
package org.tsnext.core.inference;
