package org.tsnext.transport.http2;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.Test;

public class FrameScannerTest {

  private static final class Seen implements FrameScanner.Listener {
    final List<String> frames = new ArrayList<>();
    int data;

    @Override
    public void onFrame(int type, int flags, int stream, int length) {
      frames.add(type + "/" + flags + "/" + stream + "/" + length);
    }

    @Override
    public void onData(int stream, int bytes) {
      data += stream * bytes;
    }
  }

  private static ByteBuf frame(int length, int type, int flags, int stream) {
    return Unpooled.buffer()
        .writeMedium(length)
        .writeByte(type)
        .writeByte(flags)
        .writeInt(stream)
        .writeZero(length);
  }

  private static ByteBuf connection() {
    return Unpooled.wrappedBuffer(
        Unpooled.wrappedBuffer(new byte[FrameScanner.PREFACE]),
        frame(0, 4, 0, 0),
        frame(70_000, 0, 1, 3),
        frame(5, 0xff, 0xff, -1));
  }

  @Test
  public void framesAreFoundHoweverTheyAreCut() {
    for (int piece : new int[] {1, 2, 7, 9, 10, 4096, 100_000}) {
      Seen seen = new Seen();
      FrameScanner scanner = new FrameScanner(FrameScanner.PREFACE, seen);
      ByteBuf all = connection();
      while (all.isReadable()) {
        scanner.scan(all.readSlice(Math.min(piece, all.readableBytes())));
      }
      assertEquals(
          seen.frames, List.of("4/0/0/0", "0/1/3/70000", "255/255/2147483647/5"), "" + piece);
      assertEquals(seen.data, 3 * 70_000);
      assertFalse(scanner.isPartial());
    }
  }

  @Test
  public void whatHasBegunAndNotEndedIsPartialUnlessItIsData() {
    FrameScanner scanner = new FrameScanner(FrameScanner.PREFACE, new Seen());
    assertFalse(scanner.isPartial(), "nothing has come");
    scanner.scan(Unpooled.wrappedBuffer(new byte[FrameScanner.PREFACE - 1]));
    assertTrue(scanner.isPartial(), "half a preface");
    scanner.scan(Unpooled.wrappedBuffer(new byte[1]));
    assertFalse(scanner.isPartial());
    scanner.scan(frame(5, 1, 0, 1));
    assertTrue(scanner.isPartial(), "a head that goes on");
    scanner.scan(frame(5, 9, FrameScanner.END_HEADERS, 1));
    assertFalse(scanner.isPartial());
    scanner.scan(frame(100, 0, 0, 1).slice(0, 20));
    assertFalse(scanner.isPartial(), "a body is judged by its stream");
  }
}
