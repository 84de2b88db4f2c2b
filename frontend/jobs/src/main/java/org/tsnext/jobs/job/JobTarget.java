package org.tsnext.jobs.job;

/** What a job asks. */
public enum JobTarget {
  MODEL,
  WORKFLOW
}
