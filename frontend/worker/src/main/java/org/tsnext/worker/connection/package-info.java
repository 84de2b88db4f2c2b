/** The socket that workers dial in to, and the connection of one worker. */
package org.tsnext.worker.connection;
