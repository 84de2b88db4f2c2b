/** What single steps of a request cost, by JMH. */
package org.tsnext.benchmarks;
