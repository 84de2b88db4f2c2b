package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;

/**
 * A whole message as it was received, its body not yet looked at.
 *
 * @param flags of its last frame, without those about cutting
 * @param item 0 to 65535
 * @param body owned by the holder of the message
 */
public record Message(FrameType type, int flags, int item, int id, ByteBuf body) {}
