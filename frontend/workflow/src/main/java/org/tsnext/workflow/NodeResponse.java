package org.tsnext.workflow;

import io.netty.buffer.ByteBuf;
import org.tsnext.core.request.ResponseHead;

/**
 * The whole response of a node.
 *
 * @param body owned by the holder of the response
 */
record NodeResponse(ResponseHead head, ByteBuf body) {}
