package org.tsnext.core.scheduling;

import java.util.Arrays;
import java.util.List;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/**
 * What a scheduler has decided and its owner is to do, in order. Two of them take turns: the
 * scheduler appends to one while the other, filled by {@link #takeFrom}, is carried out. Both are
 * reused, so that a decision allocates nothing.
 */
public final class Effects {

  /** Objects of one effect. */
  private static final int WIDTH = 3;

  private static final int INITIAL_CAPACITY = 16;

  /** A buffer that grew beyond this in a burst is not kept. */
  private static final int MAX_KEPT = 1024;

  private Kind[] kinds = new Kind[INITIAL_CAPACITY];
  private Object[] objects = new Object[INITIAL_CAPACITY * WIDTH];
  private long[] numbers = new long[INITIAL_CAPACITY];
  private int size;

  private enum Kind {
    SEND,
    CANCEL,
    COMPLETE,
    CHUNK,
    END_STREAM,
    HANDLER_FAILED,
    FAIL,
    REJECT,
    END_SILENTLY,
    SERVED,
    SILENT,
    DRAINED,
    ARM_TIMER,
    DISARM_TIMER
  }

  /** Carries out effects. A body is what came with the response, and the target's to release. */
  public interface Target {

    /** Sends a batch to its worker, if {@link Batch#beginSending} allows it. */
    void send(Batch batch);

    /** Tells the worker that an item of a batch is no longer wanted. */
    void cancel(Batch batch, int item);

    /** Ends a request with a plain response. */
    void complete(QueuedRequest request, ResponseHead head, Object body);

    /** Delivers a chunk of a stream. */
    void chunk(QueuedRequest request, ResponseHead head, Object body);

    /** Ends a stream that has begun. */
    void endStream(QueuedRequest request, Object body);

    /**
     * A worker has failed requests of a batch. Their ends come after it, so that a client that
     * learns of the failure finds it counted.
     *
     * @param failed those that end by it, perhaps none
     * @param cause what the worker has said
     */
    void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause);

    /** Ends a request with an error. */
    void fail(QueuedRequest request, ServingException why);

    /**
     * Ends a request that this version does not serve; it may be given to another version instead.
     */
    void reject(QueuedRequest request, ServingException why);

    /** Ends a request whose client has left. */
    void endSilently(QueuedRequest request);

    /** A batch is done, {@code nanos} after its worker could begin with it. */
    void served(long nanos);

    /** A worker did not respond within the response timeout; it was taken out and must end. */
    void silent(ReadyWorker worker);

    /** A worker that is to leave has nothing left to do. */
    void drained(ReadyWorker worker);

    /** Has {@link VersionScheduler#onTimer} called at that moment; replaces the one before. */
    void armTimer(long atNanos);

    /** Has it called no more. */
    void disarmTimer();
  }

  public boolean isEmpty() {
    return size == 0;
  }

  public int size() {
    return size;
  }

  /** Moves everything from {@code other} here, where there is nothing. */
  public void takeFrom(Effects other) {
    Kind[] emptyKinds = kinds;
    Object[] emptyObjects = objects;
    long[] emptyNumbers = numbers;
    kinds = other.kinds;
    objects = other.objects;
    numbers = other.numbers;
    size = other.size;
    other.kinds = emptyKinds;
    other.objects = emptyObjects;
    other.numbers = emptyNumbers;
    other.size = 0;
  }

  /** Carries out one effect. */
  @SuppressWarnings("unchecked") // Each kind of effect has objects of its own types.
  public void apply(int index, Target target) {
    Object first = objects[index * WIDTH];
    Object second = objects[index * WIDTH + 1];
    Object third = objects[index * WIDTH + 2];
    switch (kinds[index]) {
      case SEND -> target.send((Batch) first);
      case CANCEL -> target.cancel((Batch) first, (int) numbers[index]);
      case COMPLETE -> target.complete((QueuedRequest) first, (ResponseHead) second, third);
      case CHUNK -> target.chunk((QueuedRequest) first, (ResponseHead) second, third);
      case END_STREAM -> target.endStream((QueuedRequest) first, third);
      case HANDLER_FAILED ->
          target.handlerFailed((Batch) first, (List<QueuedRequest>) second, third);
      case FAIL -> target.fail((QueuedRequest) first, (ServingException) second);
      case REJECT -> target.reject((QueuedRequest) first, (ServingException) second);
      case END_SILENTLY -> target.endSilently((QueuedRequest) first);
      case SERVED -> target.served(numbers[index]);
      case SILENT -> target.silent((ReadyWorker) first);
      case DRAINED -> target.drained((ReadyWorker) first);
      case ARM_TIMER -> target.armTimer(numbers[index]);
      case DISARM_TIMER -> target.disarmTimer();
    }
  }

  /** Forgets everything. */
  public void clear() {
    if (kinds.length > MAX_KEPT) {
      kinds = new Kind[INITIAL_CAPACITY];
      objects = new Object[INITIAL_CAPACITY * WIDTH];
      numbers = new long[INITIAL_CAPACITY];
    } else {
      Arrays.fill(objects, 0, size * WIDTH, null);
    }
    size = 0;
  }

  void send(Batch batch) {
    add(Kind.SEND, batch, null, null, 0);
  }

  void cancel(Batch batch, int item) {
    add(Kind.CANCEL, batch, null, null, item);
  }

  void complete(QueuedRequest request, ResponseHead head, Object body) {
    add(Kind.COMPLETE, request, head, body, 0);
  }

  void chunk(QueuedRequest request, ResponseHead head, Object body) {
    add(Kind.CHUNK, request, head, body, 0);
  }

  void endStream(QueuedRequest request, Object body) {
    add(Kind.END_STREAM, request, null, body, 0);
  }

  void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause) {
    add(Kind.HANDLER_FAILED, batch, failed, cause, 0);
  }

  void fail(QueuedRequest request, ServingException why) {
    add(Kind.FAIL, request, why, null, 0);
  }

  void reject(QueuedRequest request, ServingException why) {
    add(Kind.REJECT, request, why, null, 0);
  }

  void endSilently(QueuedRequest request) {
    add(Kind.END_SILENTLY, request, null, null, 0);
  }

  void served(long nanos) {
    add(Kind.SERVED, null, null, null, nanos);
  }

  void silent(ReadyWorker worker) {
    add(Kind.SILENT, worker, null, null, 0);
  }

  void drained(ReadyWorker worker) {
    add(Kind.DRAINED, worker, null, null, 0);
  }

  void armTimer(long atNanos) {
    if (size > 0 && kinds[size - 1] == Kind.ARM_TIMER) {
      numbers[size - 1] = atNanos;
    } else {
      add(Kind.ARM_TIMER, null, null, null, atNanos);
    }
  }

  void disarmTimer() {
    add(Kind.DISARM_TIMER, null, null, null, 0);
  }

  private void add(Kind kind, Object first, Object second, Object third, long number) {
    if (size == kinds.length) {
      int capacity = size * 2;
      Kind[] moreKinds = Arrays.copyOf(kinds, capacity);
      Object[] moreObjects = Arrays.copyOf(objects, capacity * WIDTH);
      numbers = Arrays.copyOf(numbers, capacity);
      objects = moreObjects;
      kinds = moreKinds;
    }
    kinds[size] = kind;
    objects[size * WIDTH] = first;
    objects[size * WIDTH + 1] = second;
    objects[size * WIDTH + 2] = third;
    numbers[size] = number;
    size++;
  }
}
