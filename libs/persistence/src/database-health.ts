import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { measureHealth, type PartHealth } from '@interlock/observability';
import { DataSource } from 'typeorm';

@Injectable()
export class DatabaseHealth {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  check(): Promise<PartHealth> {
    return measureHealth('database', () => this.dataSource.query('SELECT 1'));
  }
}
