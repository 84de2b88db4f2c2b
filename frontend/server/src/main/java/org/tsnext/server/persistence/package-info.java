/**
 * Snapshots on disk: the folder of their files, which one a start restores, and who writes them.
 */
package org.tsnext.server.persistence;
