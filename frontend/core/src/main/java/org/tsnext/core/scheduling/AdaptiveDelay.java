package org.tsnext.core.scheduling;

import java.time.Duration;

/**
 * Learns the wait that helps: {@code maxBatchDelay: adaptive}.
 *
 * <p>Each time a batch that is not full could take the last free worker, it is noted which requests
 * came in the service time that followed, whether or not the batch waited for them. From that
 * follows, for each of a few candidate waits, what it would have been worth: every request that
 * would have joined is answered about one service time earlier, and everybody else later by the
 * wait. The candidate with the best mean holds, and none if no mean is above zero. So requests that
 * come in bursts, as those of clients do that were all answered by the last batch, are collected;
 * requests that come independently of each other, for which no wait pays, never wait.
 *
 * <p>While the workers are idle most of the time, a wait is at most a tenth of the shortest service
 * time, so that no request is answered later by more than a tenth.
 */
final class AdaptiveDelay implements BatchDelay {

  /** Candidate waits, as parts of the mean service time. */
  private static final double[] PARTS = {1 / 32.0, 1 / 16.0, 1 / 8.0, 1 / 4.0};

  /** Observations before anything is concluded. */
  private static final int ENOUGH = 16;

  /** Later observations count as much as one of so many. */
  private static final int MEMORY = 64;

  /** Gain that a candidate must have, in service times per batch, to be more than chance. */
  private static final double LEAST_GAIN = 0.05;

  private static final double SERVICE_WEIGHT = 0.1;

  /** The shortest service time is forgotten by this part with each batch. */
  private static final double FORGETTING = 0.01;

  /** An idle night counts as so many service times, so that it is soon forgotten. */
  private static final int MAX_PAUSE = 10;

  /** Workers are idle most of the time if batches come further apart than so many service times. */
  private static final double IDLE_PAUSE = 2;

  private static final double LOW_LOAD_PART = 0.1;

  private final int batchSize;
  private final double[] gains = new double[PARTS.length];
  private int observations;
  private double meanService;
  private double shortestService;
  private double meanPause;

  /** Since when the batch that forms could leave; meaningless unless {@code forming}. */
  private long couldLeave;

  private boolean forming;

  /** The last batch that could leave: when, with how many, and who came in the time after. */
  private long watchedSince;

  private int watchedSize;
  private boolean watching;
  private final long[] offsets;
  private int came;

  AdaptiveDelay(int batchSize) {
    this.batchSize = batchSize;
    this.offsets = new long[batchSize];
  }

  @Override
  public void arrived(long now) {
    if (watching && now - watchedSince <= meanService) {
      if (came < offsets.length) {
        offsets[came] = now - watchedSince;
      }
      came++;
    }
  }

  @Override
  public long leaveAt(long oldestArrival, int waiting, boolean lastWorker, long now) {
    if (!lastWorker) {
      return now;
    }
    if (!forming) {
      forming = true;
      couldLeave = now;
      conclude(now);
      watching = waiting < batchSize;
      watchedSince = now;
      watchedSize = waiting;
      came = 0;
    }
    return couldLeave + nanos();
  }

  @Override
  public void left() {
    forming = false;
  }

  @Override
  public void served(long serviceNanos) {
    double sample = Math.max(1, serviceNanos);
    if (meanService == 0) {
      meanService = sample;
      shortestService = sample;
      return;
    }
    meanService += SERVICE_WEIGHT * (sample - meanService);
    shortestService = Math.min(sample, shortestService * (1 + FORGETTING));
  }

  @Override
  public Duration current() {
    return Duration.ofNanos(nanos());
  }

  private long nanos() {
    if (observations < ENOUGH) {
      return 0;
    }
    int best = 0;
    for (int i = 1; i < gains.length; i++) {
      if (gains[i] > gains[best]) {
        best = i;
      }
    }
    if (gains[best] < LEAST_GAIN) {
      return 0;
    }
    double wait = PARTS[best] * meanService;
    boolean idle = meanPause > IDLE_PAUSE * meanService;
    return (long) (idle ? Math.min(wait, LOW_LOAD_PART * shortestService) : wait);
  }

  /** Takes what was watched into account. */
  private void conclude(long now) {
    if (meanService == 0 || watchedSize == 0) {
      return;
    }
    observations = Math.min(MEMORY, observations + 1);
    double weight = 1.0 / observations;
    double pause = Math.min((double) (now - watchedSince), MAX_PAUSE * meanService);
    meanPause += weight * (pause - meanPause);
    if (watching) {
      for (int i = 0; i < PARTS.length; i++) {
        gains[i] += weight * (gain(PARTS[i] * meanService) - gains[i]);
      }
    }
  }

  /** What a wait would have been worth: time saved by all requests together, in service times. */
  private double gain(double longest) {
    int room = batchSize - watchedSize;
    int most = Math.min(Math.min(came, offsets.length), room);
    int joined = 0;
    while (joined < most && offsets[joined] <= longest) {
      joined++;
    }
    double wait = joined == room ? offsets[joined - 1] : longest;
    int others = watchedSize + came - joined;
    return (joined * (meanService - wait) - others * wait) / meanService;
  }
}
