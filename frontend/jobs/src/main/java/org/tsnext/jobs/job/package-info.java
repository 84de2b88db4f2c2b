/** What a job is: its target, its status, its outcome. Values, without behaviour. */
package org.tsnext.jobs.job;
