package org.tsnext.jobs;

import io.netty.buffer.ByteBuf;
import org.tsnext.core.request.ResponseHead;

/**
 * The response of a job, as its model gave it; a stream is one body.
 *
 * @param body the receiver's to release
 */
public record JobResult(ResponseHead head, ByteBuf body) {}
