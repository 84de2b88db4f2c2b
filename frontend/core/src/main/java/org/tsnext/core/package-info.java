/**
 * The server without its transports: models, queues, batches, worker supervision. One door for
 * inference, {@link org.tsnext.core.inference.InferenceService}, one for management, {@link
 * org.tsnext.core.model.ModelService}.
 */
package org.tsnext.core;
