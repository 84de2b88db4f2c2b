/** Event loops and sockets: epoll or kqueue where they exist, NIO elsewhere. */
package org.tsnext.transport;
