package org.tsnext.archive.remote;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.tsnext.archive.remote.HttpGet.Outcome;

/**
 * Takes one answer: a 200 goes into the file, a redirection and anything else end the exchange. The
 * same handler may be tried on one address after another, so it is sharable in that sense only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // closing ends in channelInactive
@ChannelHandler.Sharable
final class ResponseHandler extends SimpleChannelInboundHandler<HttpObject> {

  private static final Set<Integer> REDIRECTIONS = Set.of(301, 302, 303, 307, 308);

  private final StagedFile file;
  private final CompletableFuture<Outcome> outcome;
  private boolean saving;

  ResponseHandler(StagedFile file, CompletableFuture<Outcome> outcome) {
    this.file = file;
    this.outcome = outcome;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, HttpObject message)
      throws DownloadException {
    if (outcome.isDone()) {
      return;
    }
    if (message.decoderResult().isFailure()) {
      throw new DownloadException("the server did not respond in HTTP/1.1");
    }
    if (message instanceof HttpResponse head) {
      begin(head);
    }
    if (saving && message instanceof HttpContent piece) {
      file.append(piece.content());
      if (piece instanceof LastHttpContent) {
        outcome.complete(new Outcome.Saved());
      }
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    fail(new DownloadException("the server closed the connection before the end of its response"));
    context.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    fail(DownloadException.of(cause));
    context.close();
  }

  private void begin(HttpResponse head) throws DownloadException {
    int status = head.status().code();
    if (head.status().codeClass() == HttpStatusClass.INFORMATIONAL && status != 101) {
      return;
    }
    if (status == 200) {
      file.requireRoomFor(HttpUtil.getContentLength(head, 0L));
      saving = true;
      return;
    }
    String location = head.headers().get(HttpHeaderNames.LOCATION);
    if (REDIRECTIONS.contains(status) && location != null) {
      outcome.complete(new Outcome.Redirected(location));
      return;
    }
    throw new DownloadException("the server responded with status " + status);
  }

  private void fail(DownloadException failure) {
    outcome.completeExceptionally(failure);
  }
}
