/**
 * Worker processes: starting them through init and the zygote, their sockets, and the codec of
 * their frames.
 */
package org.tsnext.worker;
