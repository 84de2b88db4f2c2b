/**
 * Who owns a file or folder that several servers can reach: ownership is a lock that is held, never
 * a process id that is or is not visible.
 */
package org.tsnext.core.ownership;
