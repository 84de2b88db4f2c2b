package org.tsnext.core.scheduling;

/** Requests that one worker gets together. As an effect it is sent. */
public final class Batch extends Effect {

  private final ReadyWorker worker;
  private final int id;
  private final QueuedRequest[] requests;
  private int open;

  /**
   * Written by the thread that sends it, before it does. With {@link ReadyWorker#isLost} it is the
   * one thing that sender and scheduler tell each other outside of events: as an event it would
   * take the lock once more for every batch, and could come after the loss that has to know it.
   */
  private volatile boolean sent;

  /** What is known of it while another batch of its worker comes first. */
  private Turn turn = Turn.IN_ORDER;

  /** When its worker last said something of it, or when it was assigned. */
  long lastResponseNanos;

  /** How long it was with its worker while that could not begin with it. */
  private long heldNanos;

  private final long assignedNanos;
  private final long freeNanos;
  private final boolean behind;

  /** How a batch came to its worker, and whether it can leave it again. */
  enum Turn {
    /** It stays. */
    IN_ORDER,
    /** It was sent ahead, while the worker runs another one, and can be withdrawn. */
    AHEAD,
    /** The worker was asked for it, and has not answered. */
    WITHDRAWING
  }

  /**
   * @param freeNanos since when the worker has had nothing; {@code now} if it has
   * @param behind whether it has another batch
   */
  Batch(
      ReadyWorker worker,
      int id,
      QueuedRequest[] requests,
      long now,
      long freeNanos,
      boolean behind) {
    this.worker = worker;
    this.id = id;
    this.requests = requests;
    this.open = requests.length;
    this.assignedNanos = now;
    this.freeNanos = freeNanos;
    this.behind = behind;
    this.lastResponseNanos = now;
    for (int i = 0; i < requests.length; i++) {
      requests[i].batch = this;
      requests[i].item = i;
    }
  }

  public ReadyWorker worker() {
    return worker;
  }

  /** The number that no other open batch of its worker has. */
  public int id() {
    return id;
  }

  public int size() {
    return requests.length;
  }

  /** The request with that number. */
  public QueuedRequest request(int item) {
    return requests[item];
  }

  public long assignedNanos() {
    return assignedNanos;
  }

  /** Since when its worker had had nothing to do; when it was assigned if the worker had. */
  public long freeNanos() {
    return freeNanos;
  }

  /** Whether its worker had another batch when it was assigned. */
  public boolean isBehind() {
    return behind;
  }

  /**
   * Says that the worker is about to get it; called before it is sent, on any thread.
   *
   * @return false if the worker is lost: then it must not be sent
   */
  public boolean beginSending() {
    // In this order: if a loss does not see this batch as sent, the loss is seen here.
    sent = true;
    return !worker.isLost();
  }

  /** Whether the worker may have seen it. */
  boolean isSent() {
    return sent;
  }

  /** Whether it waits behind another batch, and can be asked for. */
  boolean canBeWithdrawn() {
    return turn == Turn.AHEAD && worker.open().peekFirst() != this;
  }

  boolean isWithdrawing() {
    return turn == Turn.WITHDRAWING;
  }

  void turn(Turn next) {
    turn = next;
  }

  /** Its worker could begin with it at that moment. */
  void turnCame(long nanos) {
    heldNanos = Math.max(0, nanos - assignedNanos);
  }

  /** How long it was with its worker while that ran the batch before it; once it is done. */
  long heldNanos() {
    return heldNanos;
  }

  boolean isDone() {
    return open == 0;
  }

  /** The request with that number if the worker still has it, or null. */
  QueuedRequest openItem(int item) {
    return item >= 0 && item < requests.length && requests[item].batch == this
        ? requests[item]
        : null;
  }

  /** Takes an open item out: the worker is done with it, or lost. */
  void take(QueuedRequest request) {
    request.batch = null;
    open--;
  }

  @Override
  void apply(Effects.Target target) {
    target.send(this);
  }
}
