package org.tsnext.jobs.folder;

import io.netty.buffer.ByteBuf;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.OwnerLock;
import org.tsnext.core.ownership.OwnerLock.Abandoned;
import org.tsnext.core.ownership.OwnerLock.Judgement;
import org.tsnext.core.ownership.OwnerLock.Unknown;
import org.tsnext.core.ownership.OwnerOnly;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.jobs.job.JobOutcome;
import org.tsnext.jobs.job.JobTicket;

/**
 * The folder of one server's jobs, which it owns as long as it runs. For each job there is {@code
 * ID.request} until it has ended, {@code ID.started-N} for each run that has begun, and {@code
 * ID.result} when it has ended; other files are left alone. Files of one job are for one thread at
 * a time.
 */
public final class JobFolder implements Closeable {

  static final String DRAFT_PREFIX = ".job-";

  private static final Logger LOGGER = LoggerFactory.getLogger(JobFolder.class);
  private static final String LOCK = ".jobs.lock";

  /** Longer than {@code job_lifetime} can be, and not too long for a timer. */
  private static final Duration MAX_LIFETIME = Duration.ofDays(36_525);

  private static final Pattern NAME =
      Pattern.compile("([0-9a-f]{32})\\.(request|result|started-([0-9]))");

  private final Path folder;
  private final OwnerLock lock;

  private JobFolder(Path folder, OwnerLock lock) {
    this.folder = folder;
    this.lock = lock;
  }

  /**
   * A job that was found.
   *
   * @param attempts runs that began
   * @param outcome empty if it has not ended
   */
  public record StoredJob(JobTicket ticket, int attempts, Optional<JobOutcome> outcome) {}

  /**
   * Takes the folder, which is made (0700) if need be.
   *
   * @throws IOException if it cannot be written to, or another server has it; the message is for
   *     the operator
   */
  public static JobFolder open(Path folder, Host host) throws IOException {
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder.toAbsolutePath().getParent());
      try {
        Files.createDirectory(folder, OwnerOnly.folder(folder.toAbsolutePath().getParent()));
      } catch (FileAlreadyExistsException e) {
        if (!Files.isDirectory(folder)) {
          throw e;
        }
      }
    }
    JobFolder opened = new JobFolder(folder, lock(folder.resolve(LOCK), host));
    boolean tidy = false;
    try {
      opened.removeDrafts();
      tidy = true;
    } finally {
      if (!tidy) {
        opened.close();
      }
    }
    return opened;
  }

  private static OwnerLock lock(Path file, Host host) throws IOException {
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      try {
        Files.createFile(file, OwnerOnly.file(file.toAbsolutePath().getParent()));
        // Made here and now: whoever locks it first owns the folder.
        Files.writeString(file, host.mark());
      } catch (FileAlreadyExistsException e) {
        // Another server starts at the same time; one of both gets the lock.
      }
    }
    Judgement judgement = OwnerLock.judge(file, host);
    if (judgement instanceof Abandoned abandoned) {
      abandoned.lock().mark(host);
      return abandoned.lock();
    }
    throw new IOException(
        judgement instanceof Unknown unknown
            ? "it cannot be told whether another server uses it: "
                + unknown.reason()
                + ". Give each server a folder of its own; if none uses this one, delete "
                + file
            : "another server uses it. Give each server a folder of its own");
  }

  /** What a server left that was ended while it wrote. */
  private void removeDrafts() throws IOException {
    try (DirectoryStream<Path> drafts = Files.newDirectoryStream(folder, DRAFT_PREFIX + "*.tmp")) {
      for (Path draft : drafts) {
        Files.deleteIfExists(draft);
      }
    }
  }

  /** What is known of a job from the names of its files. */
  private static final class Found {
    private boolean request;
    private boolean result;
    private int attempts;
  }

  /**
   * The jobs that are there. Removes those that have expired; passes over files that cannot be
   * read, with a warning.
   */
  public List<StoredJob> scan(Instant now) throws IOException {
    Map<String, Found> found = new LinkedHashMap<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        if (name.matches()) {
          Found job = found.computeIfAbsent(name.group(1), id -> new Found());
          switch (name.group(2)) {
            case "request" -> job.request = true;
            case "result" -> job.result = true;
            default -> job.attempts = Math.max(job.attempts, Integer.parseInt(name.group(3)));
          }
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    List<StoredJob> jobs = new ArrayList<>();
    found.forEach((id, files) -> read(id, files, now).ifPresent(jobs::add));
    return jobs;
  }

  private Optional<StoredJob> read(String id, Found files, Instant now) {
    if (!files.request && !files.result) {
      remove(id);
      return Optional.empty();
    }
    Path file = files.result ? result(id) : request(id);
    try {
      RecordFile.Head head = RecordFile.readHead(file);
      JobTicket ticket = JobJson.ticket(head.json());
      if (!ticket.id().equals(id)) {
        throw new IOException("it is of another job");
      }
      if (!files.result) {
        requireBytes(head, ticket.requestBytes());
        return Optional.of(new StoredJob(ticket, files.attempts, Optional.empty()));
      }
      removeRequest(id);
      JobOutcome outcome = JobJson.outcome(head.json());
      requireBytes(head, outcome.bytes());
      requireMoment(outcome.expires(), now);
      if (!outcome.expires().isAfter(now)) {
        remove(id);
        return Optional.empty();
      }
      return Optional.of(new StoredJob(ticket, files.attempts, Optional.of(outcome)));
    } catch (IOException | RuntimeException e) {
      LOGGER.warn("The job of {} is passed over, since it cannot be read: {}", file, e.toString());
      return Optional.empty();
    }
  }

  private static void requireBytes(RecordFile.Head head, long bytes) throws IOException {
    if (head.bodyBytes() != bytes) {
      throw new IOException("it has " + head.bodyBytes() + " bytes of data, expected " + bytes);
    }
  }

  private static void requireMoment(Instant expires, Instant now) throws IOException {
    if (expires.isAfter(now.plus(MAX_LIFETIME))) {
      throw new IOException("it expires in more than a century");
    }
  }

  /** Stores the request of a job; it stays the caller's. */
  public void writeRequest(JobTicket ticket, InferenceRequest request) throws IOException {
    RecordFile.write(
        request(ticket.id()),
        JobJson.ofRequest(ticket, request),
        request.parts().stream().map(part -> part.value()).toList());
  }

  /** Reads the request of a job; it is the caller's to release. */
  public InferenceRequest readRequest(JobTicket ticket) throws IOException {
    RecordFile.Content content = RecordFile.read(request(ticket.id()));
    try {
      return JobJson.request(ticket, content.head(), content.body());
    } finally {
      content.body().release();
    }
  }

  /** Notes that a run begins. If it cannot, the job may be run once more than it should. */
  public void markStarted(String id, int attempt) {
    try {
      Files.createFile(
          folder.resolve(id + ".started-" + Math.min(attempt, 9)), OwnerOnly.file(folder));
    } catch (FileAlreadyExistsException e) {
      // By a run before.
    } catch (IOException e) {
      LOGGER.warn("The start of job {} cannot be noted: {}", id, e.toString());
    }
  }

  /**
   * Stores how a job ended, in place of its request.
   *
   * @param body stays the caller's
   */
  public void writeOutcome(JobTicket ticket, JobOutcome outcome, Optional<ByteBuf> body)
      throws IOException {
    RecordFile.write(
        result(ticket.id()),
        JobJson.ofOutcome(ticket, outcome),
        body.map(List::of).orElse(List.of()));
    removeRequest(ticket.id());
  }

  /** Reads the response of a job; the receiver releases it. */
  public ByteBuf readBody(String id) throws IOException {
    return RecordFile.read(result(id)).body();
  }

  /** Removes everything of a job. */
  public void remove(String id) {
    removeRequest(id);
    delete(result(id));
  }

  private void removeRequest(String id) {
    // First, so that a job without one is not taken for one that begins again.
    delete(request(id));
    for (int attempt = 1; attempt <= 2; attempt++) {
      delete(folder.resolve(id + ".started-" + attempt));
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOGGER.warn("{} cannot be removed: {}", file, e.toString());
    }
  }

  private Path request(String id) {
    return folder.resolve(id + ".request");
  }

  private Path result(String id) {
    return folder.resolve(id + ".result");
  }

  /** Ends the use of the folder. */
  @Override
  public void close() throws IOException {
    lock.close();
  }

  @Override
  public String toString() {
    return folder.toString();
  }
}
