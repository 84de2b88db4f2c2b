/** Jobs on disk: their requests until they have ended, and their responses after it. */
package org.tsnext.jobs.folder;
