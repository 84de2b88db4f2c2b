package org.tsnext.archive.remote;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ArchiveException.Reason;
import org.tsnext.archive.FullDisk;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;
import org.tsnext.archive.StoreModelSource;

/**
 * The model store, and URLs: those that {@code allowed_urls} opens to callers of the API, and any
 * that the operator names. Downloads go to a private cache, never into the store. Thread-safe.
 */
public final class UrlModelSource implements ModelSource, AutoCloseable {

  private static final Logger LOGGER = LoggerFactory.getLogger(UrlModelSource.class);
  private static final String NOT_ALLOWED = " does not match any allowed URL(s)";

  private final StoreModelSource store;
  private final AllowedUrls allowedUrls;
  private final EventLoopGroup loops;
  private final Downloader downloader;
  private final S3Requests s3;
  private final ModelCache cache;
  private final long maxBytes;

  /** What is used of the cache, by the folder of the model made of it. */
  private final Map<Path, String> used;

  /**
   * @param store for what is no URL, and to unpack what has been fetched
   * @param nanoTime a monotonic clock
   */
  public UrlModelSource(StoreModelSource store, RemoteSettings settings, LongSupplier nanoTime) {
    this(store, settings, nanoTime, Network.system(), clientTls());
  }

  UrlModelSource(
      StoreModelSource store,
      RemoteSettings settings,
      LongSupplier nanoTime,
      Network network,
      SslContext tls) {
    this.store = store;
    this.allowedUrls = settings.allowedUrls();
    this.loops =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("download", true), NioIoHandler.newFactory());
    HttpGet get = new HttpGet(network, loops, tls, settings.limits(), nanoTime);
    this.downloader =
        new Downloader(
            allowedUrls,
            new AddressRules(settings.privateHosts()),
            network,
            get,
            settings.limits(),
            nanoTime);
    this.s3 = new S3Requests(settings.environment(), Clock.systemUTC());
    this.cache = new ModelCache(settings.cache().toAbsolutePath().normalize());
    this.maxBytes = settings.limits().maxBytes();
    this.used = new ConcurrentHashMap<>();
  }

  private UrlModelSource(StoreModelSource store, UrlModelSource downloads) {
    this.store = store;
    this.allowedUrls = downloads.allowedUrls;
    this.loops = downloads.loops;
    this.downloader = downloads.downloader;
    this.s3 = downloads.s3;
    this.cache = downloads.cache;
    this.maxBytes = downloads.maxBytes;
    this.used = downloads.used;
  }

  /** Another store beside the same URLs: one cache, one way to fetch, which this one closes. */
  public ModelSource withStore(StoreModelSource other) {
    return new UrlModelSource(other, this);
  }

  @Override
  public ModelArchive open(ModelLocation location) throws ArchiveException {
    if (!location.isUrl()) {
      return store.open(location);
    }
    ModelUrl url = parse(location);
    if (!location.trusted() && !allowedUrls.allows(url.text())) {
      throw refused(
          location,
          allowedUrls.isEmpty()
              ? "models come from the model store only, since allowed_urls is not set; give the"
                  + " name of a file there, or let the operator add allowed_urls="
                  + url.pattern()
              : "no regular expression of allowed_urls matches the whole URL "
                  + url.shown()
                  + "; the operator can add one after a comma, such as "
                  + url.pattern());
    }
    return url.scheme().equals("file") ? openFile(url, location) : download(url, location);
  }

  @Override
  public void release(ModelArchive archive) {
    String sha256 = used.remove(archive.directory());
    store.release(archive);
    if (sha256 != null) {
      cache.release(sha256);
    }
  }

  @Override
  public List<String> list() throws ArchiveException {
    return store.list();
  }

  /** Ends the downloads. What they wait for fails. */
  @Override
  public void close() {
    loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(5, TimeUnit.SECONDS);
  }

  private static ModelUrl parse(ModelLocation location) throws ArchiveException {
    try {
      return ModelUrl.parse(location.text());
    } catch (UrlSyntaxException e) {
      if (e.isRelative()) {
        throw new ArchiveException(
            Reason.NOT_FOUND, "Relative path is not allowed in url: " + location.shown());
      }
      throw refused(location, e.getMessage());
    }
  }

  /** A file of this machine, used where it is. */
  private ModelArchive openFile(ModelUrl url, ModelLocation location) throws ArchiveException {
    Path file = Path.of(PercentDecoding.text(url.path()));
    Path real;
    try {
      real = file.toRealPath();
    } catch (IOException e) {
      throw new ArchiveException(Reason.NOT_FOUND, "Model not found at: " + location.shown(), e);
    }
    if (!location.trusted()) {
      // A link must not lead from an allowed place to one that is not.
      if (!allowedUrls.allows(url.text()) || !allowedUrls.allows("file://" + real)) {
        throw refused(location, "it is a link to a file that allowed_urls does not match");
      }
      if (!Files.isRegularFile(real)) {
        throw new ArchiveException(Reason.NOT_FOUND, "Model not found at: " + location.shown());
      }
    }
    return store.openPath(location, real, fileName(url));
  }

  private ModelArchive download(ModelUrl url, ModelLocation location) throws ArchiveException {
    Optional<Path> known = location.sha256().flatMap(cache::acquire);
    String sha256;
    Path archive;
    if (known.isPresent()) {
      sha256 = location.sha256().get();
      archive = known.get();
    } else {
      try (StagedFile file = cache.stage(maxBytes)) {
        LOGGER.info("Downloading {}", location.shown());
        downloader.fetch(request(url, location), location.trusted(), file);
        sha256 = file.sha256();
        requireDigest(location, sha256);
        archive = cache.add(file, sha256);
      } catch (RefusedUrlException e) {
        throw refused(location, e.getMessage());
      } catch (DownloadException e) {
        throw failed(location, e.getMessage(), e);
      } catch (IOException e) {
        throw failed(location, "it cannot be written to the cache: " + e.getMessage(), e);
      }
    }
    return openCached(url, location, archive, sha256);
  }

  private ModelArchive openCached(ModelUrl url, ModelLocation location, Path archive, String sha256)
      throws ArchiveException {
    boolean opened = false;
    try {
      ModelLocation checked =
          new ModelLocation(location.text(), Optional.empty(), location.trusted(), false);
      ModelArchive model =
          store.openPath(checked, archive, fileName(url)).withUrl(location.publicText());
      used.put(model.directory(), sha256);
      opened = true;
      return model;
    } finally {
      if (!opened) {
        cache.release(sha256);
      }
    }
  }

  private Downloader.Request request(ModelUrl url, ModelLocation location)
      throws DownloadException {
    if (!url.scheme().equals("s3") && !location.awsSigned()) {
      return new Downloader.Request(url, Map.of(), location.trusted());
    }
    S3Requests.Signed signed = s3.sign(url);
    return new Downloader.Request(
        signed.url(), signed.headers(), location.trusted() || signed.vouchedFor());
  }

  private static void requireDigest(ModelLocation location, String sha256)
      throws DownloadException {
    if (location.sha256().isPresent() && !location.sha256().get().equals(sha256)) {
      throw new DownloadException(
          "its SHA-256 is " + sha256 + ", expected " + location.sha256().get());
    }
  }

  private static String fileName(ModelUrl url) {
    String path = PercentDecoding.text(url.path());
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private static ArchiveException refused(ModelLocation location, String why) {
    return new ArchiveException(Reason.NOT_FOUND, "Given URL " + location.shown() + NOT_ALLOWED)
        .withDetail(why);
  }

  private static ArchiveException failed(ModelLocation location, String why, Exception cause) {
    LOGGER.warn("Cannot download {}: {}", location.shown(), why);
    boolean full = FullDisk.isSaidToBeFull(cause);
    return new ArchiveException(
            full ? Reason.NO_SPACE : Reason.DOWNLOAD_FAILED,
            "Failed to download archive from: " + location.shown(),
            cause)
        .withDetail(why);
  }

  private static SslContext clientTls() {
    try {
      return SslContextBuilder.forClient().endpointIdentificationAlgorithm("HTTPS").build();
    } catch (SSLException e) {
      throw new IllegalStateException("TLS cannot be set up: " + e.getMessage(), e);
    }
  }
}
